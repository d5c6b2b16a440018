import { fileURLToPath } from "node:url";

/** The project's directory, absolute and with a slash at the end. */
export const PROJECT = fileURLToPath(new URL("../", import.meta.url));
