import { providerDescriptorSchema } from '../provider.ts';

/** `codex login` of @openai/codex: fixed callback port 1455, ends when the browser fetches /success. */
export const codex = providerDescriptorSchema.parse({
  id: 'codex',
  name: 'OpenAI Codex',
  tool: 'codex',
  package: {
    name: '@openai/codex',
    version: '0.169.0',
    executable: '@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex',
  },
  login: {
    argv: ['codex', 'login', '-c', 'cli_auth_credentials_store="file"'],
    denied: 'Error logging in: Sign-in failed: ',
  },
  opener: { urlPatterns: ['^https://auth\\.openai\\.com/oauth/authorize\\?'] },
  credential: {
    path: '.codex/auth.json',
    format: 'json',
    required: ['/tokens/id_token', '/tokens/access_token', '/tokens/refresh_token'],
    account: { pointer: '/tokens/id_token', jwtClaim: 'email' },
    expiresAt: { pointer: '/tokens/id_token', unit: 'jwt' },
  },
  status: { argv: ['codex', 'login', 'status'] },
});
