/** The policy's worker thread: holds model, learner and sampler, so that the main thread stays free. Started by policy-worker.mjs. */
import { workerData } from "node:worker_threads";
import { loadPolicyParts, type PolicyOptions } from "./policy-parts.ts";
import { policyHandlers, type PolicyHello, type PolicyService } from "./policy-service.ts";
import { serveThread } from "./serve-thread.ts";

await serveThread<PolicyService, PolicyHello>(async () => {
  const parts = await loadPolicyParts(workerData as PolicyOptions);
  return { hello: { version: parts.learner.version, capabilities: parts.learner.capabilities }, handlers: policyHandlers(parts) };
});
