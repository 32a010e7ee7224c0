export { Agent } from './agent.ts';
export { type AgentOptions, guestOptions } from './options.ts';
export { lookUpUser } from './user.ts';
