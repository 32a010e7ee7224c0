import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentOptions } from '../options.ts';
import { asUser, cleanEnvironment } from '../user.ts';
import { policies } from './policies.ts';
import { soundEnvironment } from './sound.ts';
import type { Command } from './supervised.ts';

/** Features of Chromium that a sign-in does not need. */
const DISABLED_FEATURES = [
  // Warms up a hidden renderer for browser dialogs: half a minute of a core under emulation.
  'PreloadTopChromeWebUI',
  // A renderer made ahead would carry its random state from the template into every VM.
  'SpareRendererForSitePerProcess',
  'AutofillServerCommunication',
  'CertificateTransparencyComponentUpdater',
  'DialMediaRouteProvider',
  'GlobalMediaControls',
  'InterestFeedContentSuggestions',
  // These start a service for language models, some minutes into a session, to see what the machine could run.
  'LogOnDeviceMetricsOnStartup',
  'OnDeviceModelWarmDrivers',
  'OptimizationGuideModelExecution',
  'MediaRouter',
  'OptimizationGuideModelDownloading',
  'OptimizationHints',
  'OptimizationHintsFetching',
  'Translate',
].join(',');

const FLAGS = [
  '--disable-background-networking',
  '--disable-breakpad',
  '--disable-client-side-phishing-detection',
  '--disable-component-extensions-with-background-pages',
  '--disable-component-update',
  '--disable-default-apps',
  '--disable-domain-reliability',
  '--disable-extensions',
  `--disable-features=${DISABLED_FEATURES}`,
  // There is no graphics processor to speak of.
  '--disable-gpu',
  '--disable-smooth-scrolling',
  '--disable-sync',
  '--force-color-profile=srgb',
  '--hide-crash-restore-bubble',
  '--metrics-recording-only',
  '--no-default-browser-check',
  '--no-first-run',
  '--no-pings',
  '--noerrdialogs',
  '--ozone-platform=x11',
  '--password-store=basic',
];

export function profileDirectory(options: AgentOptions): string {
  return join(options.user.home, '.config', 'browser-vm-profile');
}

/** The browser, showing what `page` returns at each start. */
export function browserCommand(
  options: AgentOptions,
  size: { width: number; height: number },
  page: () => string,
): Command {
  const profile = profileDirectory(options);
  const argv = (): string[] => [
    options.chromium,
    ...FLAGS,
    `--user-data-dir=${profile}`,
    `--window-size=${size.width},${size.height}`,
    '--window-position=0,0',
    `--app=${page()}`,
  ];
  return {
    name: 'browser',
    argv: () => asUser(options.user, argv()),
    env: {
      ...cleanEnvironment(options),
      // What plays a sound looks for the mixer then, which only a session that has sound starts.
      ...soundEnvironment(options),
      XDG_CONFIG_DIRS: writeToolkitSettings(options),
    },
    // A lock left by a process that was killed, or that names the host name of a template, would make
    // Chromium ask a question nobody sees.
    beforeStart: () => {
      for (const name of ['SingletonLock', 'SingletonSocket', 'SingletonCookie']) {
        rmSync(join(profile, name), { force: true });
      }
    },
  };
}

/**
 * What Chromium asks GTK about the desktop, for either GTK it may load; returns the directory to look in. A caret that
 * blinks is painted twice a second all the way to the display, and an emulated guest is never at rest.
 */
function writeToolkitSettings(options: AgentOptions): string {
  const directory = join(options.runtimeDirectory, 'toolkit');
  for (const toolkit of ['gtk-3.0', 'gtk-4.0']) {
    mkdirSync(join(directory, toolkit), { recursive: true });
    writeFileSync(join(directory, toolkit, 'settings.ini'), '[Settings]\ngtk-cursor-blink=false\n');
  }
  return directory;
}

/** Writes Chromium's policies; it reads them when it starts. */
export function writePolicies(options: AgentOptions, caCertificates: readonly string[]): void {
  mkdirSync(options.chromiumPolicyDirectory, { recursive: true });
  writeFileSync(
    join(options.chromiumPolicyDirectory, 'browser-vm.json'),
    JSON.stringify(policies(caCertificates), null, 2),
  );
}
