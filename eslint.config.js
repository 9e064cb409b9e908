import js from "@eslint/js";
import globals from "globals";

export default [
    { ignores: [".venv/", "build/", "htmlcov/", "instance/", "runs/"] },
    js.configs.recommended,
    { linterOptions: { reportUnusedDisableDirectives: "error" } },
    {
        files: ["static/**/*.js"],
        languageOptions: { sourceType: "module", globals: globals.browser },
    },
    {
        files: ["static/theme.js"], // runs before the first paint, which a module cannot
        languageOptions: { sourceType: "script", globals: globals.browser },
    },
    {
        files: ["tests/static/**/*.mjs", "eslint.config.js"],
        languageOptions: { sourceType: "module", globals: globals.node },
    },
    {
        rules: {
            eqeqeq: "error",
            "no-implicit-coercion": ["error", { boolean: false }],
            "no-var": "error",
            "object-shorthand": "error",
            "prefer-arrow-callback": "error",
            "prefer-const": "error",
        },
    },
];
