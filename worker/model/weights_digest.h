// One short name for all the weights of a file: part of what makes KV interchangeable.
#pragma once

#include <string>

#include "worker/model/weight_file.h"

namespace cairn {

// XXH3-128 over every tensor's name, type, shape and bytes, in the file's order, as 32 hex digits.
// The same on every machine and in every release. Reads the whole file once (memory speed when
// cached).
std::string WeightsDigest(const WeightFile& file);

}  // namespace cairn
