import puppeteer, { type Browser } from 'puppeteer-core';

/** Besides what puppeteer sets. */
const PREFERENCES = {
  // Tests run where loopback is the only network, and nobody resolves mDNS names.
  'media.peerconnection.ice.loopback': true,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  'media.autoplay.default': 0,
};

/**
 * Debian's Firefox, headless, driven over WebDriver BiDi (playwright drives its own build alone), with a
 * profile that `close()` throws away. `env` adds to the environment, `DISPLAY` for one.
 */
export function startFirefox(
  options: {
    readonly headless?: boolean;
    readonly preferences?: Record<string, boolean | number | string>;
    readonly args?: readonly string[];
    readonly env?: Record<string, string>;
    /** Runs Firefox; default the one of Debian. */
    readonly program?: string;
    /** Of loopback, where it is driven; default any. */
    readonly port?: number;
  } = {},
): Promise<Browser> {
  const { headless = true, preferences = {}, args = [], env = {} } = options;
  return puppeteer.launch({
    browser: 'firefox',
    executablePath: options.program ?? '/usr/bin/firefox-esr',
    headless,
    args: [...args],
    env: { ...process.env, ...env },
    debuggingPort: options.port ?? 0,
    extraPrefsFirefox: { ...PREFERENCES, ...preferences },
    protocolTimeout: 120_000,
  });
}
