module.exports = [
    {
        files: ["**/static/src/**/*.js", "**/static/tests/**/*.js"],
        languageOptions: {
            ecmaVersion: 2024,
            sourceType: "module",
            globals: {
                FormData: "readonly",
                clearTimeout: "readonly",
                document: "readonly",
                fetch: "readonly",
                luxon: "readonly",
                odoo: "readonly",
                window: "readonly",
            },
        },
        rules: {
            "constructor-super": "error",
            "dot-notation": "error",
            eqeqeq: "error",
            "no-const-assign": "error",
            "no-dupe-keys": "error",
            "no-else-return": "error",
            "no-empty": "error",
            "no-shadow": "error",
            "no-undef": "error",
            "no-unused-vars": "error",
            "no-useless-return": "error",
            "no-var": "error",
            "prefer-const": "error",
        },
    },
];
