/**
 * The policy's worker thread: holds model, learner and sampler, so that the main thread stays free. Started by
 * policy-worker.mjs.
 */
import { loadPolicyParts, type PolicyOptions } from "./policy-parts.ts";
import { policyHandlers, type PolicyHello, type PolicyService } from "./policy-service.ts";
import { serveThread } from "./serve-thread.ts";

await serveThread<PolicyOptions, PolicyService, PolicyHello>(async (options) => {
  const parts = await loadPolicyParts(options);
  const {
    learner: { version, capabilities },
    rollout: { turns = false },
  } = parts;
  return { hello: { version, capabilities, turns }, handlers: policyHandlers(parts) };
});
