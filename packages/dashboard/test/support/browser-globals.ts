/** noVNC's modules look at these while they load; nothing of them is used by what is tested. */
const target = { addEventListener() {}, removeEventListener() {} };
const globals: Record<string, unknown> = {
  MutationObserver: class {
    observe() {}
  },
  window: { ...target },
  document: { ...target, documentElement: {}, createElement: () => ({ style: {} }) },
};
for (const [name, value] of Object.entries(globals)) {
  Object.defineProperty(globalThis, name, { value, configurable: true });
}
