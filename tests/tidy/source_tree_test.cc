// The reader that the rules stand on, on small examples: a rule that sees nothing would always
// pass.
#include "tests/tidy/source_tree.h"

#include <catch2/catch.hpp>

#include "tests/tidy/cmake_edges.h"
#include "tests/tidy/include_rules.h"

namespace cairn::tidy {
namespace {

TEST_CASE("comments, strings and characters are blanked, code and columns stay") {
  const SourceFile file =
      MakeSourceFile("a.cc",
                     "int a = 1'000;  // getenv\nauto s = \"get\\\"env\"; char c = '\"'; f(x);\n"
                     "/* getenv\n getenv */ g();\nauto r = R\"x(getenv)\" getenv)x\"; h();\n");
  for (const std::string& line : file.code) {
    CAPTURE(line);
    CHECK(line.find("env") == std::string::npos);
  }
  CHECK(file.code[0].starts_with("int a = 1'000;"));
  CHECK(file.code[1].find("f(x);") == file.lines[1].find("f(x);"));
  CHECK(file.code[3].find("g();") != std::string::npos);
  CHECK(file.code[4].find("h();") != std::string::npos);
}

TEST_CASE("includes are found with their kind, those in comments are not") {
  const SourceFile file = MakeSourceFile(
      "a.cc", "#include \"kvstore/base/ids.h\"\n// #include \"x.h\"\n#include <vector>\n");
  const std::vector<Include> includes = IncludesOf(file);
  REQUIRE(includes.size() == 2);
  CHECK(includes[0].path == "kvstore/base/ids.h");
  CHECK(includes[0].quoted);
  CHECK(includes[1].line == 3);
  CHECK_FALSE(includes[1].quoted);
}

TEST_CASE("a function's length is counted from its brace to its end") {
  const SourceFile file = MakeSourceFile("a.cc",
                                         "namespace a {\n"
                                         "class B {\n"
                                         "  int Get() const { return b_; }\n"
                                         "  int b_{0};\n"
                                         "};\n"
                                         "struct Out Long(int x,\n"
                                         "         int y) {\n"
                                         "  for (;;) {\n"
                                         "  }\n"
                                         "  auto f = [] {\n"
                                         "  };\n"
                                         "}\n"
                                         "const int kTable[] = {1, 2};\n"
                                         "}  // namespace a\n");
  const std::vector<Function> functions = FunctionsOf(file);
  REQUIRE(functions.size() == 2);
  CHECK(functions[0].name == "Get");
  CHECK(functions[0].lines == 1);
  CHECK(functions[1].name == "Long");
  CHECK(functions[1].first_line == 7);
  CHECK(functions[1].lines == 6);
}

TEST_CASE("the targets, sources and links of a CMakeLists are read") {
  const std::vector<CMakeTarget> targets = CMakeTargets(
      {MakeSourceFile("kvstore/CMakeLists.txt",
                      "# add_library(no)\ncairn_library(cairn_base\n  SOURCES base/a.cc base/b.h\n"
                      "  DEPS absl::status cairn_x)\nadd_executable(p main.cc)\n"
                      "target_link_libraries(p PRIVATE cairn_base)\n")});
  REQUIRE(targets.size() == 2);
  CHECK(targets[0].sources == std::vector<std::string>{"kvstore/base/a.cc", "kvstore/base/b.h"});
  CHECK(targets[0].links == std::vector<std::string>{"absl::status", "cairn_x"});
  CHECK(targets[1].sources == std::vector<std::string>{"kvstore/main.cc"});
  CHECK(targets[1].links == std::vector<std::string>{"cairn_base"});
}

TEST_CASE("every exception in the tables gives a reason") {
  for (const auto* list : {&BannedWordExceptions(), &ThreadFiles(), &LongFiles(),
                           &UnincludedHeaders(), &TestsWithoutMirror()}) {
    for (const Exception& exception : *list) {
      CAPTURE(exception.path);
      CHECK(exception.reason.size() >= 10);
    }
  }
}

}  // namespace
}  // namespace cairn::tidy
