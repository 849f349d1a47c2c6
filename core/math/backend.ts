/**
 * The one place that chooses where the loss's tensors live: tfjs on its cpu backend, whatever else may be registered. It is loaded while a policy's
 * thread starts, which takes as long, and before a loss is computed.
 * tfjs-core alone has no gradients; the umbrella package registers them in the same registry.
 */
import "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-cpu";
import { enableProdMode, setBackend } from "@tensorflow/tfjs-core";
import { handOutCopies } from "./tensor-numbers.ts";

// Without it tfjs advises, on every start, to install a native package that is not wanted here.
enableProdMode();
if (!(await setBackend("cpu"))) throw new Error("tfjs could not start its cpu backend: is @tensorflow/tfjs-backend-cpu installed?");
handOutCopies();
