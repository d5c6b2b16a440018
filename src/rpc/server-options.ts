import type { ServerOptions } from "@grpc/grpc-js";
import type { RpcSettings } from "./rpc-settings.js";

/** The settings in grpc-js's words. */
export function toServerOptions(settings: RpcSettings): ServerOptions {
  return {
    "grpc.max_receive_message_length": settings.maxReceiveBytes,
    // Checked before grpc-js sees the message, to answer with details: see encodeMessage.
    "grpc.max_send_message_length": -1,
    "grpc.max_concurrent_streams": settings.maxConcurrentStreams,
    "grpc.keepalive_time_ms": settings.keepaliveTimeMs,
    "grpc.keepalive_timeout_ms": settings.keepaliveTimeoutMs,
    ...finite("grpc-node.max_session_memory", settings.maxSessionMemoryMiB),
    // Not for its figures: without channelz grpc-js forgets its sessions, and forceShutdown closes none.
    "grpc.enable_channelz": 1,
  };
}

// grpc-js hands timers to setTimeout, which takes Infinity for 1 ms: unlimited is said by leaving the option out.
function finite(name: string, value: number): ServerOptions {
  return Number.isFinite(value) ? { [name]: value } : {};
}
