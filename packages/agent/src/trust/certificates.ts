import { X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { BrowserVmError } from '@browser-vm/protocol';
import type { AgentOptions } from '../options.ts';

/** Refuses anything that is not exactly one certificate in PEM. */
export function checkCertificates(caCertificates: readonly string[]): void {
  for (const [index, pem] of caCertificates.entries()) {
    try {
      new X509Certificate(pem);
      if (pem.split('-----BEGIN').length !== 2) throw new Error('more than one block');
    } catch (error) {
      throw new BrowserVmError(
        {
          code: 'invalid_certificate',
          message: `caCertificates[${index}] is not one PEM certificate`,
          hop: 'request',
        },
        { status: 400, cause: error },
      );
    }
  }
}

/** Makes tools trust the certificates. Returns the environment that points tools at them. */
export function trust(options: AgentOptions, caCertificates: readonly string[]): Record<string, string> {
  if (caCertificates.length === 0) return {};
  const added = `${caCertificates.map((pem) => pem.trim()).join('\n')}\n`;
  const bundle = existsSync(options.caBundle) ? readFileSync(options.caBundle, 'utf8') : '';
  mkdirSync(dirname(options.caBundle), { recursive: true });
  if (!bundle.includes(added)) {
    writeFileSync(options.caBundle, `${bundle}${bundle === '' || bundle.endsWith('\n') ? '' : '\n'}${added}`);
  }
  const extra = join(options.runtimeDirectory, 'extra-ca.pem');
  mkdirSync(options.runtimeDirectory, { recursive: true });
  writeFileSync(extra, added);
  return { SSL_CERT_FILE: options.caBundle, NODE_EXTRA_CA_CERTS: extra };
}
