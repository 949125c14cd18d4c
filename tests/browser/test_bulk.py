"""Many names at once: a verdict for each before anything is added, and one click to look at several again."""

from pathlib import Path

from tests.browser.conftest import Seen
from tests.servers.console import Console


def test_a_file_of_names_is_judged_line_by_line_before_anything_is_added(
    seen: Seen, console: Console, tmp_path: Path
) -> None:
    table = tmp_path / "names.csv"
    table.write_text("domain,owner\none.bulk-tests.com,a\nnot_a_name!,b\nnorthwind.example,c\n")
    seen.go("domains?organization=northwind")
    seen.page.get_by_role("button", name="Add domains").first.click()
    dialog = seen.page.get_by_role("dialog")
    dialog.get_by_label("Or choose a file").set_input_files(table)
    dialog.get_by_role("button", name="Check 3 names").click()
    verdicts = dialog.get_by_label("What becomes of each name").get_by_role("listitem")
    verdicts.filter(has_text="one.bulk-tests.com").get_by_text("Can be added.").wait_for()
    add = dialog.get_by_role("button", name="Add 1 domain")
    add.wait_for()
    before = {one["name"] for one in console.call("GET", "/v1/domains?contains=bulk-tests")["data"]}
    assert before == set()
    add.click()
    verdicts.filter(has_text="one.bulk-tests.com").get_by_text("Added.").wait_for()
    dialog.get_by_role("button", name="Done").click()
    added = {one["name"] for one in console.call("GET", "/v1/domains?contains=bulk-tests")["data"]}
    assert added == {"one.bulk-tests.com"}


def test_chosen_domains_are_looked_at_again_together(seen: Seen, console: Console) -> None:
    names = ("press.harbor.example", "harbor.example")
    answers: dict[str, int] = {}
    seen.page.on("response", lambda one: answers.update({one.url: one.status}))
    seen.go("domains?q=harbor.example")
    for name in names:
        seen.page.get_by_label(f"Select {name}", exact=True).check()
    seen.page.get_by_role("status").get_by_text("2 domains selected").wait_for()
    seen.page.get_by_role("button", name="Check now").click()
    seen.page.get_by_role("status").get_by_text("2 of 2 checks started").wait_for(timeout=60_000)
    wanted = {console.call("GET", f"/v1/domains/{one}")["id"] for one in names}
    checked = {url.rpartition("/")[2]: one for url, one in answers.items() if ":check" in url}
    assert {one.removesuffix(":check") for one in checked} == wanted
    assert set(checked.values()) == {200}


def test_a_zone_file_is_chosen_and_planned(seen: Seen, tmp_path: Path) -> None:
    zone = tmp_path / "harbor.zone"
    zone.write_text("file 300 IN A 192.0.2.77\n")
    seen.go("domains/harbor.example/records")
    seen.page.get_by_role("button", name="Import").click()
    dialog = seen.page.get_by_role("dialog")
    dialog.get_by_label("Or choose a file").set_input_files(zone)
    dialog.get_by_role("button", name="Show plan").click()
    dialog.get_by_label("Changes").get_by_text("192.0.2.77").wait_for()
