import { defineConfig } from "eslint/config";
import tseslint from "typescript-eslint";

export default defineConfig(
  { ignores: ["**/node_modules/", "runs/", "coverage/", ".turbo/"] },
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": "error",
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      // Implementations of an asynchronous port need not await anything themselves.
      "@typescript-eslint/require-await": "off",
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
