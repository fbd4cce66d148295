"""What a test run came to: which tests failed and how, what was skipped and why, and one line of counts.

    summary.py RESULTS-FOLDER [reused]      reads ctest.xml (JUnit, written by ctest) and skipped.tsv

A test program may pass and still leave something out: it prints `SKIPPED: <test> needs <what>`, and each
such line is counted here. Exits 1 if anything failed.
"""
import pathlib
import re
import sys
import xml.etree.ElementTree

FAILED_LINES_MAX = 40


def main():
    folder = pathlib.Path(sys.argv[1])
    passed, failed, skipped = 0, [], []
    if (folder / "ctest.xml").exists():
        for case in xml.etree.ElementTree.parse(folder / "ctest.xml").getroot().iter("testcase"):
            name, status = case.get("name"), case.get("status")
            output = case.findtext("system-out") or ""
            reasons = re.findall(r"^SKIPPED: (.*)$", output, re.MULTILINE)
            if status == "fail":
                failed.append((name, output))
            elif status == "run":
                passed += 1
            elif not reasons:
                skipped.append((name, "it said that it cannot run here"))
            skipped += [(name, reason) for reason in dict.fromkeys(reasons)]
    else:
        failed.append(("ctest", (folder / "ctest.log").read_text(errors="replace")))
    if (folder / "skipped.tsv").exists():
        for line in (folder / "skipped.tsv").read_text().splitlines():
            skipped.append(tuple(line.split("\t", 1)))
    for name, output in failed:
        print(f"\nFAILED {name}:")
        for line in output.splitlines()[-FAILED_LINES_MAX:]:
            print(f"  | {line}")
    print()
    for name, reason in skipped:
        print(f"skipped: {name}: {reason}")
    if failed:
        print("failed: " + ", ".join(name for name, _ in failed))
    if sys.argv[2:] == ["reused"]:
        print("not run again: the tests labelled slow, which passed on exactly this tree")
    print(f"{passed} passed, {len(failed)} failed, {len(skipped)} skipped")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
