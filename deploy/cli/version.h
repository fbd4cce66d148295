// What is running: release, commit, compiler.
#pragma once

namespace cairn {

const char* VersionText();    // "cairn 0.1.0 (commit 1a2b3c4d, gcc 12.2.0, Release)"
const char* ReleaseNumber();  // "0.1.0"
const char* CommitHash();  // "1a2b3c4d", with "+" behind it if the tree had changes; or "unknown"

}  // namespace cairn
