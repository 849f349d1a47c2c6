import { defineConfig } from "eslint/config";
import tseslint from "typescript-eslint";

export default defineConfig(
  {
    ignores: [
      "**/node_modules/",
      "runs/",
      "runs-test-*/",
      "coverage/",
      ".turbo/",
      ".tensorflow/",
      ".xla/",
      "docs/code-blocks/",
      "docs/site/{pages,dist}/",
      "docs/site/.cache/",
    ],
  },
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": "error",
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      // Implementations of an asynchronous port need not await anything themselves.
      "@typescript-eslint/require-await": "off",
      // What a plugin is handed is made of closures and meant to be taken apart: apply({ hooks, scores, metric }).
      "@typescript-eslint/unbound-method": "off",
      // Its newest case dislikes mul(a, b) as Tensor2D, which tfjs's signatures ask for.
      "@typescript-eslint/no-unnecessary-type-assertion": "off",
      "prefer-const": "error",
      eqeqeq: "error",
      "no-console": ["error", { allow: ["error", "log"] }],
    },
  },
  {
    files: ["**/*.{js,mjs}"],
    extends: [tseslint.configs.base],
    rules: { "prefer-const": "error", eqeqeq: "error", "no-unused-vars": "error" },
  },
);
