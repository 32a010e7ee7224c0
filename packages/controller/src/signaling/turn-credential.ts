import { createHmac } from 'node:crypto';

/**
 * A credential of coturn's REST scheme (`use-auth-secret`): the name says when it ends, and its HMAC-SHA1 under the
 * shared secret, in base64, is the password. `name` stands in the TURN server's logs.
 */
export function turnCredential(
  secret: string,
  name: string,
  endsAt: Date,
): { readonly username: string; readonly credential: string } {
  const username = `${Math.floor(endsAt.getTime() / 1000)}:${name}`;
  return { username, credential: createHmac('sha1', secret).update(username).digest('base64') };
}
