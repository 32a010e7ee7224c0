/** Red, green, blue of the start page's background: how a painted page is told from an empty window. */
export const START_PAGE_COLOUR = [0xec, 0xf0, 0xf5] as const;

const COLOUR = `rgb(${START_PAGE_COLOUR.join(',')})`;

const PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Preparing sign-in</title>
<style>html{height:100%;background:${COLOUR};color:#1b2733;font:22px sans-serif;cursor:default}
body{height:100%;margin:0;display:flex;flex-direction:column;align-items:center;justify-content:center}
div{width:320px;height:6px;background:#2f6fd0;margin-top:28px}</style>
<body>Preparing sign-in<div></div></body></html>`;

/** What the browser shows until the sign-in page opens; nothing in it moves, so nothing is encoded. */
export const START_PAGE_URL = `data:text/html;charset=utf-8,${encodeURIComponent(PAGE)}`;
