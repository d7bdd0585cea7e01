"""Tools that a compound system ran on the server, and what they found."""

from trio_groq.types._base import Record, sent

__all__ = [
    "BrowserResult",
    "Chart",
    "ChartElement",
    "CodeExecutionResult",
    "ExecutedTool",
    "SearchResult",
    "SearchResults",
]


class SearchResult(Record, gc=False):
    """One hit of a web search.

    Attributes:
        title: Title of the page.
        url: Its address.
        content: The part of it that matters.
        score: Relevance, 0 to 1.
    """

    title: str | None = None
    url: str | None = None
    content: str | None = None
    score: float | None = None


class SearchResults(Record):
    """What a web search found.

    Attributes:
        results: Hits, best first.
        images: Addresses of images, when `search_settings.include_images` asked for them.
    """

    results: list[SearchResult] | None = None
    images: list[str] | None = None


class ChartElement(Record):
    """One series, bar, slice or box of a chart; which fields are set depends on the chart's type.

    Attributes:
        label: Its label.
        group: The group of bars it belongs to.
        value: Height of a bar.
        points: Points of a line or scatter series, as [x, y].
        angle: Angle of a pie's slice.
        radius: Radius of a pie's slice.
        min: Lower whisker of a box.
        first_quartile: Lower end of a box.
        median: Median of a box.
        third_quartile: Upper end of a box.
        max: Upper whisker of a box.
        outliers: Values outside the whiskers.
    """

    label: str = sent(str)
    group: str | None = None
    value: float | None = None
    points: list[list[float | str]] | None = None
    angle: float | None = None
    radius: float | None = None
    min: float | None = None
    first_quartile: float | None = None
    median: float | None = None
    third_quartile: float | None = None
    max: float | None = None
    outliers: list[float] | None = None


class Chart(Record):
    """A chart that executed code has drawn, as data.

    Attributes:
        type: `bar`, `box_and_whisker`, `line`, `pie`, `scatter`, `superchart`, `unknown`, or new.
        title: Title.
        x_label: Label of the x axis.
        y_label: Label of the y axis.
        x_unit: Unit of the x axis.
        y_unit: Unit of the y axis.
        x_ticks: Ticks of the x axis; text for dates.
        y_ticks: Ticks of the y axis.
        x_tick_labels: Labels of these ticks.
        y_tick_labels: Labels of these ticks.
        x_scale: Scale of the x axis, such as `linear`.
        y_scale: Scale of the y axis.
        elements: The data.
    """

    type: str = sent(lambda: "unknown")
    title: str | None = None
    x_label: str | None = None
    y_label: str | None = None
    x_unit: str | None = None
    y_unit: str | None = None
    x_ticks: list[float | str] | None = None
    y_ticks: list[float | str] | None = None
    x_tick_labels: list[str] | None = None
    y_tick_labels: list[str] | None = None
    x_scale: str | None = None
    y_scale: str | None = None
    elements: list[ChartElement] | None = None


class CodeExecutionResult(Record):
    """One output of executed code.

    Attributes:
        text: The output as text.
        png: The output as an image: PNG in base64.
        chart: The output as a chart.
        charts: The charts of a superchart.
    """

    text: str | None = None
    png: str | None = None
    chart: Chart | None = None
    charts: list[Chart] | None = None


class BrowserResult(Record, gc=False):
    """One window of the browser tool.

    Attributes:
        url: Address shown.
        title: Title of the page.
        live_view_url: Where the window can be watched.
        content: Content of the page.
    """

    url: str | None = None
    title: str | None = None
    live_view_url: str | None = None
    content: str | None = None


class ExecutedTool(Record):
    """One run of a tool on the server.

    In a stream the same run is sent more than once, each time with more of its fields.

    Attributes:
        index: Position among the runs of this answer.
        type: `search`, `visit`, `python`, or new.
        arguments: Its input, as JSON text.
        output: Its output, as text.
        search_results: What a search found.
        code_results: What code has put out.
        browser_results: What the browser has shown.
    """

    index: int | None = None
    type: str = sent(str)
    arguments: str = sent(str)
    output: str | None = None
    search_results: SearchResults | None = None
    code_results: list[CodeExecutionResult] | None = None
    browser_results: list[BrowserResult] | None = None
