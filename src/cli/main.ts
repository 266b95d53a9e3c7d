#!/usr/bin/env node
import { main } from "./program.js";

const status = await main(process.argv.slice(2));
process.exitCode ??= status;
