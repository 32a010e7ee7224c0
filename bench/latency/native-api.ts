/** Of a controller that lives as long as a benchmark, in a network of its own. */
export const API_TOKEN = 'an-api-token-for-benchmarks-only';

/** Asks that controller, which listens on this machine. */
export async function postToNative(port: string | number, route: string, body: object): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${port}${route}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${API_TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`POST ${route}: ${response.status} ${await response.text()}`);
  return response.json();
}
