import type { Page } from 'playwright-core';

declare global {
  /** The loudest of what the viewer plays. */
  var loudest: () => { readonly hertz: number; readonly decibels: number };
}

/** Has `loudest` listen to what the viewer plays from now on. */
export async function listen(page: Page): Promise<void> {
  await page.evaluate(() => {
    const audio = document.querySelector('browser-vm-viewer')?.shadowRoot?.querySelector('audio');
    const context = new AudioContext();
    const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
    context.createMediaStreamSource(audio?.srcObject as MediaStream).connect(analyser);
    globalThis.loudest = () => {
      const levels = new Float32Array(analyser.frequencyBinCount);
      analyser.getFloatFrequencyData(levels);
      const decibels = Math.max(...levels);
      return { hertz: (levels.indexOf(decibels) * context.sampleRate) / analyser.fftSize, decibels };
    };
  });
}
