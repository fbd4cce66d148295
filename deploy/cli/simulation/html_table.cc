#include "deploy/cli/simulation/html_table.h"

#include <fmt/format.h>

#include "deploy/cli/simulation/html_text.h"

namespace cairn {

std::string Cell(double value, PlotUnit unit) {
  return fmt::format("<td><data value=\"{}\">{}</data></td>", value, FormatPlotValue(value, unit));
}

std::string Word(const std::string& word) { return fmt::format("<td>{}</td>", EscapeHtml(word)); }

std::string Row(const std::string& cells, bool answer) {
  return fmt::format("<tr{}>{}</tr>\n", answer ? " class=\"answer\"" : "", cells);
}

std::string Table(const std::vector<std::string>& head, const std::string& rows, int words) {
  std::string out = fmt::format("<div class=\"scroll\"><table class=\"words{}\">\n<tr>", words);
  for (const std::string& word : head) out += fmt::format("<th>{}</th>", EscapeHtml(word));
  return out + "</tr>\n" + rows + "</table></div>\n";
}

}  // namespace cairn
