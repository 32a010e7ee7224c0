/** Red, green, blue of the start page's background: how a painted page is told from an empty window. */
export const START_PAGE_COLOUR = [0xec, 0xf0, 0xf5] as const;

/** Of its bar while a mouse button is down: a person who tries sees that the desktop answers, and so does the bench. */
export const START_PAGE_PRESSED_COLOUR = [0xf0, 0xa0, 0x20] as const;

const rgb = (colour: readonly number[]) => `rgb(${colour.join(',')})`;

const PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Preparing sign-in</title>
<style>html{height:100%;background:${rgb(START_PAGE_COLOUR)};color:#1b2733;font:22px sans-serif;cursor:default}
body{height:100%;margin:0;display:flex;flex-direction:column;align-items:center;justify-content:center}
div{width:320px;height:6px;background:#2f6fd0;margin-top:28px}
html:active div{background:${rgb(START_PAGE_PRESSED_COLOUR)}}</style>
<body>Preparing sign-in<div></div></body></html>`;

/** What the browser shows until the sign-in page opens; nothing in it moves, so nothing is encoded. */
export const START_PAGE_URL = `data:text/html;charset=utf-8,${encodeURIComponent(PAGE)}`;
