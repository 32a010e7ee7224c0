// Generated from docs/openapi.json by `npm run generate -w packages/dashboard`; not edited by hand.

export interface paths {
    "/health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Is the controller up */
        get: operations["health"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/providers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The tools one can sign in to */
        get: operations["listProviders"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/auth/start": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Start a sign-in: a VM, and what a viewer needs to see it */
        post: operations["startSession"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/auth/sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A user's sessions, the newest first */
        get: operations["listSessions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/auth/session/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A session as it is now */
        get: operations["getSession"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/auth/session/{id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** End a session; its VM goes */
        post: operations["cancelSession"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/auth/session/{id}/viewers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** A token and a link for one more viewer, which may act or only watch */
        post: operations["createViewer"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/auth/session/{id}/viewer": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What whoever asks may do in this session */
        get: operations["getViewer"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/auth/session/{id}/viewer-report": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** What only a viewer can see */
        post: operations["reportFromViewer"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/auth/session/{id}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A session as it happens
         * @description Server-Sent Events, pushed until session and VM are gone.
         *
         *     - `event: session`: `data` is a SessionEvent and `id` its sequence. History comes first, after `Last-Event-ID` when that is sent.
         *     - `event: candidate`: `data` is a ViewerCandidate, from the streamer to one viewer. Those already known are repeated on connecting.
         *     - `event: wait`: `data` is a SessionPlace: what a session waits for that has not started, and how many come first. On connecting, and whenever that changes; never stored.
         *     - `event: clipboard`: `data` is a SessionClipboard: whether an image was copied on the desktop, to who may act, whenever that changes.
         *     - `event: heartbeat`: every 3 s while nothing else comes. Who hears nothing for longer has lost the connection and asks anew.
         *
         *     When nothing more can come, a new request answers 204, which makes an EventSource stop.
         *
         *     The same by WebSocket, of which a browser keeps more than six to one place: text frames of `{"event":"session","id":1,"data":{}}`, after the sequence `after`, closed with 4410 when nothing more can come. Who may is as for noVNC.
         */
        get: operations["watchSession"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/webrtc/ice-servers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * STUN and TURN servers for a viewer
         * @description Credentials of BROWSER_VM_TURN_URLS are made for each answer, in the name of the session that a viewer is for, and end after BROWSER_VM_TURN_TTL_SECONDS. Ask again for each connection.
         */
        get: operations["listIceServers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/webrtc/session/{id}/offer": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** A viewer's offer; the answer comes back, whether or not the VM runs yet */
        post: operations["postOffer"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/webrtc/session/{id}/answer": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The answer to an offer made before */
        get: operations["getAnswer"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/webrtc/session/{id}/candidates": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * A viewer's ICE candidate; may come before its offer
         * @description The streamer's candidates arrive as `candidate` events of the session's event stream.
         */
        post: operations["postCandidate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/vnc/session/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The guest's VNC server
         * @description RFB over WebSocket, binary frames, subprotocol `binary`.
         *
         *     Of several viewers, by WebRTC or here, one is in control. Keys, pointer, clipboard and size of the others do not reach
         *     the server, and no copied text comes to them. With the subprotocol `control.browser-vm` text frames are JSON: the gateway
         *     says `{"type":"control","holder":"you","mode":"control","viewers":2}` (or `other`, or `nobody`) at first and whenever that changes, and
         *     `{"type":"take_control"}` asks for control.
         *
         *     A page is let in by its cookie. A program sends `authorization`, or, where it cannot set headers, offers a second
         *     subprotocol `bearer.TOKEN`, which is never echoed. A failure closes with a code and a reason that begins with the hop:
         *     4410 the session is over, 4502 a hop failed, 1003 what was sent as text is none of the above, 1008 what was sent is no RFB, or of no extension that noVNC uses.
         *
         *     A viewer that may only watch is never in control. Where the clipboard is off, by `BROWSER_VM_CLIPBOARD` or for the session, no viewer's goes either way.
         */
        get: operations["openVnc"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/auth/session/{id}/clipboard/image": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The image that was copied on the desktop */
        get: operations["getClipboardImage"];
        /** Put an image on the desktop's clipboard */
        put: operations["putClipboardImage"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/credentials": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What a user's vault holds, never its content */
        get: operations["listCredentials"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/credentials/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Forget a credential */
        delete: operations["deleteCredential"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/host": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What runs on the host, and whether it can run more */
        get: operations["getHost"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/sign-in-links": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** A link that opens the dashboard once, within 15 minutes */
        post: operations["createSignInLink"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/dashboard/sign-in": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What a sign-in link opens: sets the cookie of the dashboard and goes there */
        get: operations["signIn"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/auth/session/{id}/viewer-cookie": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Turns a viewer token into a cookie for that session's page */
        post: operations["createViewerCookie"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** Format: uuid */
        SessionIdInput: string;
        UserIdInput: string;
        /** Format: uuid */
        ViewerIdInput: string;
        /** @enum {string} */
        ViewerModeInput: "control" | "view";
        IceCandidateInput: {
            /** @description empty: no more will follow */
            candidate: string;
            /** @default null */
            sdpMid: string | null;
            /** @default null */
            sdpMLineIndex: number | null;
            /** @default null */
            usernameFragment: string | null;
        };
        OfferRequestInput: {
            viewerId: components["schemas"]["ViewerIdInput"];
            sdp: string;
        };
        CandidateRequestInput: {
            viewerId: components["schemas"]["ViewerIdInput"];
            candidate: components["schemas"]["IceCandidateInput"];
        };
        StartRequestInput: {
            userId: components["schemas"]["UserIdInput"];
            provider: string;
            /** @description false: nothing copied goes between people and this desktop, either way; true, as without it: as BROWSER_VM_CLIPBOARD says */
            clipboard?: boolean;
        };
        ViewerRequestInput: {
            mode: components["schemas"]["ViewerModeInput"];
        };
        ViewerReportInput: {
            /** @enum {string} */
            stage: "first_frame" | "live_picture";
        };
        Fault: {
            /** @description stable, for programs: `unknown_provider` */
            code: string;
            /** @description one line for people; names the thing */
            message: string;
            /** @enum {string} */
            hop: "request" | "authentication" | "database" | "vault" | "host" | "image" | "template" | "slot" | "driver" | "agent" | "display" | "browser" | "resolver" | "egress" | "streamer" | "viewer" | "provider" | "configuration";
            /** @description what to do next */
            remedy?: string;
            details?: {
                [key: string]: unknown;
            };
        };
        ProviderId: string;
        /** @enum {string} */
        SessionState: "starting" | "ready" | "signing_in" | "completed" | "failed" | "cancelled" | "expired";
        /** @enum {string} */
        SessionStage: "slot_taken" | "streamer_ready" | "vm_resumed" | "agent_ready" | "identity_set" | "desktop_ready" | "login_started" | "url_opened" | "viewer_connected" | "first_frame" | "live_picture" | "credential_seen" | "credential_stored" | "vm_gone";
        /** Format: uuid */
        SessionId: string;
        UserId: string;
        SessionEvent: {
            /** @description per session, without gaps */
            sequence: number;
            sessionId: components["schemas"]["SessionId"];
            /** Format: date-time */
            at: string;
            /** @description since the session was made */
            elapsedMs: number;
            event: {
                /** @constant */
                type: "state";
                state: components["schemas"]["SessionState"];
                reason?: string;
            } | {
                /** @constant */
                type: "stage";
                stage: components["schemas"]["SessionStage"];
            } | {
                /** @constant */
                type: "standby";
            } | {
                /** @constant */
                type: "awake";
                /** @description from what woke it until its CPUs ran and its clock was right, milliseconds */
                wakeMs: number;
            };
        };
        SessionWait: {
            /**
             * @description what it waits for
             * @enum {string}
             */
            reason: "count" | "memory" | "cpu" | "slots";
            /** @description one line for people */
            message: string;
            /** @description sessions that come first */
            ahead: number;
            /** @description how long that is likely to take, by how long it took for others; null before that is known */
            expectedSeconds: number | null;
        };
        SessionPlace: {
            /** @description null: it waits for nothing, or no longer */
            wait: components["schemas"]["SessionWait"] | null;
        };
        SessionClipboard: {
            /** @description is an image on the clipboard of the desktop */
            hasImage: boolean;
        };
        Session: {
            sessionId: components["schemas"]["SessionId"];
            userId: components["schemas"]["UserId"];
            provider: components["schemas"]["ProviderId"];
            status: components["schemas"]["SessionState"];
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            updatedAt: string;
            /** Format: date-time */
            expiresAt: string;
            endedAt: string | null;
            fault: components["schemas"]["Fault"] | null;
            /** @description the VM's last console lines; kept when it failed */
            consoleTail: string[] | null;
            credentialId: string | null;
        };
        /** Format: uuid */
        ViewerId: string;
        /** @enum {string} */
        ViewerMode: "control" | "view";
        IceServer: {
            urls: string[];
            username?: string;
            credential?: string;
        };
        IceCandidate: {
            /** @description empty: no more will follow */
            candidate: string;
            /** @default null */
            sdpMid: string | null;
            /** @default null */
            sdpMLineIndex: number | null;
            /** @default null */
            usernameFragment: string | null;
        };
        Answer: {
            viewerId: components["schemas"]["ViewerId"];
            sdp: string;
        };
        Health: {
            /** @constant */
            status: "ok";
            version: string;
            uptimeSeconds: number;
        };
        StartResponse: {
            sessionId: components["schemas"]["SessionId"];
            status: components["schemas"]["SessionState"];
            /**
             * Format: uri
             * @description open in a browser; carries the viewer token in its fragment
             */
            viewerUrl: string;
            /** @description JWT for this session alone */
            viewerToken: string;
            /** Format: date-time */
            viewerTokenExpiresAt: string;
        };
        ViewerResponse: {
            sessionId: components["schemas"]["SessionId"];
            /**
             * Format: uri
             * @description open in a browser; carries the viewer token in its fragment
             */
            viewerUrl: string;
            /** @description JWT for this session alone */
            viewerToken: string;
            /** Format: date-time */
            viewerTokenExpiresAt: string;
            mode: components["schemas"]["ViewerMode"];
        };
        Viewer: {
            mode: components["schemas"]["ViewerMode"];
        };
        IceServers: {
            iceServers: components["schemas"]["IceServer"][];
        };
        Provider: {
            id: components["schemas"]["ProviderId"];
            name: string;
            tool: string;
            version: string;
        };
        Credential: {
            /** Format: uuid */
            credentialId: string;
            userId: components["schemas"]["UserId"];
            provider: components["schemas"]["ProviderId"];
            account: string | null;
            expiresAt: string | null;
            /** @description which vault key encrypts it */
            keyId: string;
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            updatedAt: string;
        };
        ViewerCandidate: {
            viewerId: components["schemas"]["ViewerId"];
            candidate: components["schemas"]["IceCandidate"];
        };
        SignInLink: {
            /**
             * Format: uri
             * @description opens the dashboard once; sets its cookie
             */
            url: string;
            /** Format: date-time */
            expiresAt: string;
        };
        Check: {
            name: string;
            /** @enum {string} */
            hop: "request" | "authentication" | "database" | "vault" | "host" | "image" | "template" | "slot" | "driver" | "agent" | "display" | "browser" | "resolver" | "egress" | "streamer" | "viewer" | "provider" | "configuration";
            ok: boolean;
            detail: string;
            remedy?: string;
        };
        HostReport: {
            usage: {
                vms: number;
                /** @description of those: CPUs stopped until somebody wants them */
                standby: number;
                slots: number;
                streamers: number;
                /** @description made ahead and waiting; counted in slots and streamers, not in vms */
                pool?: {
                    slots: number;
                    streamers: number;
                    warm: number;
                    /** @description what it shares with nobody, MiB */
                    memoryMb: number;
                };
                freeMemoryMb: number;
                diskMb: {
                    images: number;
                    templates: number;
                    logs: number;
                };
                capacity: {
                    maxVms: number;
                    /** @description sessions that wait for a place */
                    queued: number;
                    /** @description why no VM would start now */
                    full: {
                        /** @enum {string} */
                        reason: "count" | "memory" | "cpu" | "slots";
                        message: string;
                    } | null;
                    /** @description VMs that would still fit now */
                    roomForVms: number;
                    /** @description memory that live VMs and their streamers share with nobody, MiB */
                    vmsMb: number;
                    /** @description what one more VM is expected to take, MiB */
                    perVmMb: number;
                    /** @description runnable tasks per core, averaged over a minute */
                    loadPerCore: number;
                    logsLimitMb: number;
                };
                template: {
                    /** @description what sessions start from */
                    current: {
                        key: string;
                        imageId: string;
                        /** Format: date-time */
                        builtAt: string;
                    } | null;
                    /** @description the one being made; sessions start from the current one until it is ready */
                    making: {
                        key: string;
                        /** Format: date-time */
                        since: string;
                        progress: string;
                    } | null;
                    /** @description others that sessions still run from */
                    retiring: number;
                    /** @description why the last attempt to replace the current one failed */
                    fault: components["schemas"]["Fault"] | null;
                };
            };
            checks: components["schemas"]["Check"][];
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    health: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
        };
    };
    listProviders: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        providers: components["schemas"]["Provider"][];
                    };
                };
            };
            /** @description what was wrong, where, and what to do */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fault"];
                };
            };
            /** @description what failed, where, and what to do */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fault"];
                };
            };
        };
    };
    startSession: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["StartRequestInput"];
            };
        };
        responses: {
            /** @description Default Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StartResponse"];
                };
            };
            /** @description what was wrong, where, and what to do */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fault"];
                };
            };
            /** @description what failed, where, and what to do */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fault"];
                };
            };
        };
    };
    listSessions: {
        parameters: {
            query: {
                userId: components["schemas"]["UserIdInput"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        sessions: components["schemas"]["Session"][];
                    };
                };
            };
            /** @description what was wrong, where, and what to do */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fault"];
                };
            };
            /** @description what failed, where, and what to do */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fault"];
                };
            };
        };
    };
    getSession: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: components["schemas"]["SessionIdInput"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Session"];
                };
            };
            /** @description what was wrong, where, and what to do */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fault"];
                };
            };
            /** @description what failed, where, and what to do */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fault"];
                };
            };
        };
    };
    cancelSession: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: components["schemas"]["SessionIdInput"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Session"];
                };
            };
            /** @description what was wrong, where, and what to do */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fault"];
                };
            };
            /** @description what failed, where, and what to do */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fault"];
                };
            };
        };
    };
    createViewer: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: components["schemas"]["SessionIdInput"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ViewerRequestInput"];
            };
        };
        responses: {
            /** @description Default Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ViewerResponse"];
                };
            };
            /** @description what was wrong, where, and what to do */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fault"];
                };
            };
            /** @description what failed, where, and what to do */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fault"];
                };
            };
        };
    };
    getViewer: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: components["schemas"]["SessionIdInput"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Viewer"];
                };
            };
            /** @description what was wrong, where, and what to do */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fault"];
                };
            };
            /** @description what failed, where, and what to do */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fault"];
                };
            };
        };
    };
    reportFromViewer: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: components["schemas"]["SessionIdInput"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ViewerReportInput"];
            };
        };
        responses: {
            /** @description recorded */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description what was wrong, where, and what to do */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fault"];
                };
            };
            /** @description what failed, where, and what to do */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fault"];
                };
            };
        };
    };
    watchSession: {
        parameters: {
            query?: {
                /** @description as `Last-Event-ID` */
                after?: number;
            };
            header?: {
                "last-event-id"?: number;
            };
            path: {
                id: components["schemas"]["SessionIdInput"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description events */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            /** @description nothing more will come */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description what was wrong, where, and what to do */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fault"];
                };
            };
            /** @description what failed, where, and what to do */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fault"];
                };
            };
        };
    };
    listIceServers: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["IceServers"];
                };
            };
            /** @description what was wrong, where, and what to do */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fault"];
                };
            };
            /** @description what failed, where, and what to do */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fault"];
                };
            };
        };
    };
    postOffer: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: components["schemas"]["SessionIdInput"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["OfferRequestInput"];
            };
        };
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Answer"];
                };
            };
            /** @description what was wrong, where, and what to do */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fault"];
                };
            };
            /** @description what failed, where, and what to do */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fault"];
                };
            };
        };
    };
    getAnswer: {
        parameters: {
            query: {
                viewerId: components["schemas"]["ViewerIdInput"];
            };
            header?: never;
            path: {
                id: components["schemas"]["SessionIdInput"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Answer"];
                };
            };
            /** @description what was wrong, where, and what to do */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fault"];
                };
            };
            /** @description what failed, where, and what to do */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fault"];
                };
            };
        };
    };
    postCandidate: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: components["schemas"]["SessionIdInput"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CandidateRequestInput"];
            };
        };
        responses: {
            /** @description taken */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description what was wrong, where, and what to do */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fault"];
                };
            };
            /** @description what failed, where, and what to do */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fault"];
                };
            };
        };
    };
    openVnc: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: components["schemas"]["SessionIdInput"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description a WebSocket */
            101: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description what was wrong, where, and what to do */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fault"];
                };
            };
            /** @description what failed, where, and what to do */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fault"];
                };
            };
        };
    };
    getClipboardImage: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: components["schemas"]["SessionIdInput"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description a PNG */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "image/png": string;
                };
            };
            /** @description the clipboard has no image */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description what was wrong, where, and what to do */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fault"];
                };
            };
            /** @description what failed, where, and what to do */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fault"];
                };
            };
        };
    };
    putClipboardImage: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: components["schemas"]["SessionIdInput"];
            };
            cookie?: never;
        };
        /** @description a PNG of at most 8388608 bytes */
        requestBody: {
            content: {
                "image/png": string;
            };
        };
        responses: {
            /** @description it is there */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description what was wrong, where, and what to do */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fault"];
                };
            };
            /** @description what failed, where, and what to do */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fault"];
                };
            };
        };
    };
    listCredentials: {
        parameters: {
            query: {
                userId: components["schemas"]["UserIdInput"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        credentials: components["schemas"]["Credential"][];
                    };
                };
            };
            /** @description what was wrong, where, and what to do */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fault"];
                };
            };
            /** @description what failed, where, and what to do */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fault"];
                };
            };
        };
    };
    deleteCredential: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description forgotten */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description what was wrong, where, and what to do */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fault"];
                };
            };
            /** @description what failed, where, and what to do */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fault"];
                };
            };
        };
    };
    getHost: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HostReport"];
                };
            };
            /** @description what was wrong, where, and what to do */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fault"];
                };
            };
            /** @description what failed, where, and what to do */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fault"];
                };
            };
        };
    };
    createSignInLink: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SignInLink"];
                };
            };
            /** @description what was wrong, where, and what to do */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fault"];
                };
            };
            /** @description what failed, where, and what to do */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fault"];
                };
            };
        };
    };
    signIn: {
        parameters: {
            query: {
                code: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description signed in */
            303: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description what was wrong, where, and what to do */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fault"];
                };
            };
            /** @description what failed, where, and what to do */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fault"];
                };
            };
        };
    };
    createViewerCookie: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: components["schemas"]["SessionIdInput"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the cookie is set */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description what was wrong, where, and what to do */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fault"];
                };
            };
            /** @description what failed, where, and what to do */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Fault"];
                };
            };
        };
    };
}
