import type {
  AgentHealth,
  ClockRequest,
  ClockResponse,
  Credential,
  Framebuffer,
  FramebufferQuery,
  IdentifyRequest,
  IdentifyResponse,
  PrepareRequest,
  RehearseRequest,
  SignInRequest,
} from '@browser-vm/protocol';
import type { EventLog } from '../events/event-log.ts';

/** What the routes need of the agent. Each method throws a BrowserVmError when it is not its time. */
export interface Service {
  /** Null until `identify`: whoever is let in by address may call. */
  readonly token: string | null;
  readonly events: EventLog;
  health(): AgentHealth;
  prepare(request: PrepareRequest): void;
  rehearse(request: RehearseRequest): void;
  identify(request: IdentifyRequest): Promise<IdentifyResponse>;
  setClock(request: ClockRequest): ClockResponse;
  framebuffer(query: FramebufferQuery): Framebuffer;
  signIn(request: SignInRequest): void;
  credential(): Credential;
  /** Null: the desktop's clipboard has no image. */
  clipboardImage(): Promise<Uint8Array | null>;
  setClipboardImage(png: Uint8Array): Promise<void>;
}
