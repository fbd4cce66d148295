#include "deploy/cli/simulation/html_text.h"

#include <catch2/catch.hpp>

namespace cairn {
namespace {

TEST_CASE("what means something to HTML is shown, not read") {
  CHECK(EscapeHtml("a<b>&\"c'") == "a&lt;b&gt;&amp;&quot;c&#39;");
  CHECK(EscapeHtml("</script><script>alert(1)</script>").find('<') == std::string::npos);
  CHECK(EscapeHtml("") == "");
}

TEST_CASE("characters of any length stay, bytes that are none are replaced") {
  CHECK(EscapeHtml("Über 中 😀") == "Über 中 😀");
  CHECK(EscapeHtml("a\xff"
                   "b") ==
        "a\xEF\xBF\xBD"
        "b");
  CHECK(EscapeHtml("\xC0\x80") == "\xEF\xBF\xBD\xEF\xBF\xBD");          // too long for what it says
  CHECK(EscapeHtml("\xE4\xB8") == "\xEF\xBF\xBD\xEF\xBF\xBD");          // cut off
  CHECK(EscapeHtml("\xED\xA0\x80").find("\xED") == std::string::npos);  // a surrogate
  CHECK(EscapeHtml("\xF5\x80\x80\x80").find("\xF5") == std::string::npos);  // beyond the last one
  CHECK(EscapeHtml(std::string("a\0b", 3)) ==
        "a\xEF\xBF\xBD"
        "b");
  CHECK(EscapeHtml("one\ntwo\t") == "one\ntwo\t");
}

}  // namespace
}  // namespace cairn
