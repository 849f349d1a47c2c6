/**
 * The one place that chooses where the loss's tensors live: tfjs on its cpu backend, whatever else may be registered.
 * It is loaded while a policy's thread starts, which takes as long, and before a loss is computed.
 */
import "./gradients.ts";
import "@tensorflow/tfjs-backend-cpu";
import { enableProdMode, getBackend, setBackend } from "@tensorflow/tfjs-core";
import { handOutCopies } from "./tensor-numbers.ts";

// Without it tfjs advises, on every start, to install a native package that is not wanted here.
enableProdMode();
// Done when it returns, this backend being synchronous; an `await` here would keep CommonJS from requiring the package.
setBackend("cpu").catch(() => undefined);
if (getBackend() !== "cpu")
  throw new Error("tfjs could not start its cpu backend: is @tensorflow/tfjs-backend-cpu installed?");
handOutCopies();
