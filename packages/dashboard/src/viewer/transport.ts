/** How the picture reaches the viewer. */
export type Transport = 'webrtc' | 'novnc';
