import { webcrypto } from 'node:crypto';
// @peculiar/x509 needs it loaded first.
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
/** Milliseconds. Chromium accepts a leaf for 398 days at most; a guest's clock may be behind until it is set. */
const PAST = 2 * 24 * 3600_000;
const FUTURE = 90 * 24 * 3600_000;

/** A throw-away certificate authority; PEM. */
export interface Authority {
  readonly certificate: string;
  readonly privateKey: string;
}

export interface Leaf {
  readonly certificate: string;
  readonly privateKey: string;
}

async function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return (await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
}

async function toPem(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}

function lifetime(): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(Date.now() - PAST), notAfter: new Date(Date.now() + FUTURE) };
}

export async function makeAuthority(): Promise<Authority> {
  const keys = await makeKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=Test authority of Browser VM',
    keys,
    signingAlgorithm: ALGORITHM,
    ...lifetime(),
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: certificate.toString('pem'), privateKey: await toPem(keys.privateKey) };
}

/** A server certificate for the names, signed by the authority. */
export async function makeLeaf(authority: Authority, hostNames: readonly string[]): Promise<Leaf> {
  const issuer = new x509.X509Certificate(authority.certificate);
  const signingKey = await webcrypto.subtle.importKey(
    'pkcs8',
    x509.PemConverter.decodeFirst(authority.privateKey),
    ALGORITHM,
    false,
    ['sign'],
  );
  const keys = await makeKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    subject: `CN=${hostNames[0]}`,
    issuer: issuer.subject,
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: ALGORITHM,
    ...lifetime(),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(hostNames.map((value) => ({ type: 'dns', value }))),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: certificate.toString('pem'), privateKey: await toPem(keys.privateKey) };
}
