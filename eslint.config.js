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
        files: ["static/camera.js"], // what it shares with upload.js while both are plain scripts
        languageOptions: { globals: { add: "readonly" } },
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
