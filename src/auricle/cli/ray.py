"""``auricle ray``: a server whose engines are wherever a Ray cluster has room for them.

Knows nothing about how; ``cluster`` does.
"""

from __future__ import annotations

import click

from auricle.cli.options import settings_from, settings_options
from auricle.errors import AuricleError
from auricle.telemetry import logs

NOT_INSTALLED = (
    "Ray is not installed. Install it with: pip install 'auricle[ray]' - the same on every machine "
    "of the cluster."
)


@click.command()
@click.argument("name", metavar="[MODEL]", required=False)
@click.option(
    "--address",
    metavar="ADDRESS",
    help="the cluster; default: that of RAY_ADDRESS, the one that runs here, or a new one on this "
    "machine alone",
)
@click.option("--engines", metavar="MIN:MAX", help="engines of each model  [default 1:4]")
@click.option(
    "--more-models", metavar="TEXT,…", help="models besides MODEL that have engines of their own"
)
@click.option(
    "--wait-s",
    metavar="NUMBER",
    help="start engines while more work waits than takes them so long, seconds  [default 5]",
)
@click.option("--cpus", metavar="NUMBER", help="cores that an engine reserves  [default 1]")
@click.option("--gpus", metavar="NUMBER", help="GPUs that an engine reserves  [default 0]")
@click.option("--gateways", metavar="INTEGER", help="processes that take requests  [default 1]")
@settings_options()
@click.pass_context
def ray(context: click.Context, /, name: str | None, address: str | None, **given: str) -> int:
    """Serve OpenAI's Audio API from a Ray cluster.

    MODEL is a registered name (tiny, base, small, …); the same as --model. Deploys the server and
    its engines with Ray Serve, and takes them away again when it is stopped.
    """
    settings = settings_from(context, model=name)
    logs.set_up(verbose=settings.verbose, log_format=settings.log_format)
    from auricle.cluster.options import ClusterOptions

    options = ClusterOptions.read(settings, given)
    try:
        from auricle.cluster import ray_app
    except ModuleNotFoundError as exc:
        if (exc.name or "").partition(".")[0] != "ray":
            raise
        raise AuricleError(NOT_INSTALLED) from exc
    ray_app.run(options, address)
    return 0
