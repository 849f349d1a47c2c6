/**
 * The one place that chooses where tensors live: tfjs on its cpu backend, whatever else may be registered.
 * tfjs-core alone has no gradients; the umbrella package registers them in the same registry.
 */
import "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-cpu";
import { enableProdMode, setBackend } from "@tensorflow/tfjs-core";

// Without it tfjs advises, on every start, to install a native package that is not wanted here.
enableProdMode();
if (!(await setBackend("cpu"))) throw new Error("tfjs could not start its cpu backend: is @tensorflow/tfjs-backend-cpu installed?");
