// Tables as HTML. Every number stands in a <data value="..."> that holds it in full, so that a
// program can read what a person sees.
#pragma once

#include <string>
#include <vector>

#include "deploy/cli/simulation/plot_axis.h"

namespace cairn {

std::string Cell(double value, PlotUnit unit);
std::string Word(const std::string& word);
// `answer`: the row that the reader came for.
std::string Row(const std::string& cells, bool answer = false);
// The first `words` columns are words, the others numbers.
std::string Table(const std::vector<std::string>& head, const std::string& rows, int words = 1);

}  // namespace cairn
