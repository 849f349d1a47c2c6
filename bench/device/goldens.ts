/** The golden tests as one module: importing it registers them. */
import "../../test/golden/models.test.ts";
import "../../test/golden/ops.test.ts";

export { runTests } from "./small-vitest.ts";
