export { HttpSignaling, type HttpSignalingOptions } from './viewer/connection/http-signaling.ts';
export type { Signaling } from './viewer/connection/signaling.ts';
export { ViewerError } from './viewer/connection/viewer-error.ts';
export { BrowserVmViewerElement, defineViewerElement } from './viewer/element.ts';
export type { SwitchReason, Transport, ViewerEvents, ViewerStatus } from './viewer/events.ts';
export type { Route, Statistics } from './viewer/statistics/statistics.ts';
export { Viewer, type ViewerOptions } from './viewer/viewer.ts';
