"""HTML pages from templates."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


def page(package: str | None, template: str, /, **values: Any) -> str:
    """A template from the folder ``templates`` of a package, filled in.

    Text is escaped unless the template says that it is safe, which only pictures drawn here are; a name that is not
    given is an error.
    """
    assert package, "templates belong to a package"
    return _environment(package).get_template(template).render(values)


@cache
def _environment(package: str) -> Environment:
    environment = Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    return environment
