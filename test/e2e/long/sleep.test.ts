import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { BROWSERS, type Person } from '../support/person.ts';
import { BY_WEBRTC, type Session, Ways } from '../support/ways.ts';

/** Seconds; after the first the streamer still knows the connection, after the second it has let it go. */
const SLEEPS = [35, 90];

let ways: Ways;
const people: Person[] = [];
before(async () => {
  ways = await Ways.make();
  for (const browser of BROWSERS) people.push(await ways.personBefore(browser));
});
after(async () => {
  for (const person of people) await person.leave();
  await ways?.remove();
});

for (const seconds of SLEEPS) {
  test(`a computer that slept for ${seconds} s shows the present picture by itself, and takes input`, async (t) => {
    const sessions: Session[] = [];
    for (const person of people) {
      const session = await ways.open(person, []);
      sessions.push(session);
      await session.page.waitForSelector(BY_WEBRTC);
      await ways.clickAndSee(session);
    }
    // All see one desktop, which whoever clicked last has just changed.
    const before = (await sessions.at(-1)!.layers.now()).colour;
    for (const { layers } of sessions)
      await layers.until('changed for all', ({ colour }) => colour === before);
    const wake = await ways.networks.sleep();
    try {
      await ways.guest.turnColour();
      await delay(seconds * 1000);
    } finally {
      wake();
    }
    const wokeAt = Date.now();
    await Promise.all(
      sessions.map(async ({ page, layers }, index) => {
        const blank = await layers.blanks();
        await layers.until('changed while asleep', ({ colour }) => colour !== before && colour !== 'none');
        await page.waitForSelector(BY_WEBRTC);
        const back = Date.now() - wokeAt;
        t.diagnostic(`${BROWSERS[index]}: back by WebRTC ${back} ms after it woke`);
        assert.ok(back < 15_000, `${BROWSERS[index]} was back ${back} ms after it woke`);
        assert.equal(await layers.blanks(), blank, 'frames without a picture');
      }),
    );
    for (const session of sessions) {
      await ways.clickAndSee(session);
      await session.end();
    }
  });
}
