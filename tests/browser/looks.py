"""What is wrong with a page, looked at in both modes and on desk and phone."""

# Both widths and both modes; contrast takes most of the time of a look.
WINDOWS = [(1440, 900, "light"), (390, 844, "dark")]
NARROW = (320, 700)
ALL_RULES = {"resultTypes": ["violations"]}


def findings(axe, window, path):
    """What is wrong with a page: opened once, then looked at in every window and mode."""
    found = []
    for width, height, scheme in WINDOWS:
        window.page.set_viewport_size({"width": width, "height": height})
        window.page.emulate_media(
            color_scheme=scheme, reduced_motion="reduce"
        )  # no colour on its way to another
        where = f"{path} at {width} in {scheme}"
        rules = violations(axe, window.page)
        found += [f"{where}: axe {rule['id']} at {rule['target']}" for rule in rules]
        found += sideways(window, where)
    window.page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    found += sideways(window, f"{path} at {NARROW[0]}")
    found += [f"{path}: {complaint}" for complaint in window.complaints]
    window.complaints.clear()
    window.page.set_viewport_size({"width": WINDOWS[0][0], "height": WINDOWS[0][1]})
    return found


def violations(axe, page):
    """Broken rules with the first place of each; the script goes into a page once, not before every look."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe.axe_script)
    return page.evaluate(
        "options => axe.run(options).then(found => found.violations.map("
        "rule => ({id: rule.id, target: rule.nodes[0].target})))",
        ALL_RULES,
    )


def sideways(window, where):
    return [f"{where}: scrolls sideways by {window.sideways()} px"] if window.sideways() > 0 else []


def clean(window, axe, paths, *, is_asked=True):
    """Findings on all these pages; acts, downloads and ways elsewhere are left out where the server is asked first."""
    found = []
    for path in paths:
        if not is_asked or window.shows(path):
            window.go(path)
            found += findings(axe, window, path)
    return found
