/**
 * The page on the desktop under test. A pressed mouse button turns the whole window from light to dark and back;
 * the key b begins a movement of about half the window, s ends it. Places in pixels of a 1280x720 desktop.
 */
export const PLACES = {
  /** Pressed here; nothing moves over it. */
  click: { x: 1180, y: 560 },
  /** Looked at for light or dark. */
  side: { x: 1176, y: 300, width: 8, height: 8 },
  /** Moves with each of the page's frames while it is busy. */
  moving: { x: 200, y: 320, width: 32, height: 8 },
} as const;

const LINES = Array.from(
  { length: 60 },
  (_, line) => `<p>${line}: The quick brown fox jumps over the lazy dog; ${line * 7919} grüße 0O1lI|</p>`,
).join('');

export const DESKTOP_PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Latency</title>
<style>
html,body{height:100%;margin:0;overflow:hidden;cursor:default;user-select:none;font:16px sans-serif}
body{background:#eef1f4}body.dark{background:#16202a}
#box{position:absolute;left:40px;top:140px;width:400px;height:440px;background:#2f6fd0 repeating-linear-gradient(90deg,#f5d90a 0 40px,#2f6fd0 40px 80px)}
#text{position:absolute;left:560px;top:40px;width:500px;height:640px;overflow:hidden;background:#fff;color:#111}
#text div{will-change:transform}p{margin:0;padding:4px 8px;line-height:22px}
</style><body><div id="box"></div><div id="text"><div>${LINES}</div></div><script>
const box = document.querySelector('#box'), text = document.querySelector('#text div');
let busy = false, at = 0;
function move() {
  if (!busy) return;
  at += 1;
  box.style.backgroundPosition = (at * 7) % 80 + 'px 0';
  text.style.transform = 'translateY(' + -((at * 2) % 900) + 'px)';
  requestAnimationFrame(move);
}
addEventListener('mousedown', (event) => { event.preventDefault(); document.body.classList.toggle('dark'); });
addEventListener('contextmenu', (event) => event.preventDefault());
addEventListener('keydown', ({ key }) => {
  if (key === 'b' && !busy) { busy = true; move(); }
  if (key === 's') busy = false;
});
</script></body></html>`;
