import './without-eval.ts';
import { defineViewerElement } from './viewer/element.ts';

/** The bundle for other people's pages: everything that is public, and the element made known. */
export * from './index.ts';

defineViewerElement();
