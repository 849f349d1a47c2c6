/**
 * What tfjs-core leaves out: the gradients of its operations, and operations as methods of tensors. It ships both as
 * files for bundlers alone. Sources get them by the umbrella package, which weighs 220 MB with what it brings; the
 * build (`build/javascript.mjs`) puts those files in its place, so that packages do not depend on it.
 */
import "@tensorflow/tfjs";
