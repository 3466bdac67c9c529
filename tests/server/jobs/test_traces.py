"""Jobs and webhooks are in the trace of whoever asked for them."""

from __future__ import annotations

import asyncio

from opentelemetry.trace import SpanKind

from tests.jobs.test_outbound import noted, server
from tests.server.jobs.conftest import Serve
from tests.server.jobs.test_outbound import SECRET
from tests.server.spans import TOLD, TRACE_ID, Collected, trace_of


async def test_a_job_and_its_webhook_are_in_the_trace_it_was_made_in(serve: Serve):
    collected = Collected()
    told: asyncio.Queue[bytes] = asyncio.Queue()
    async with (
        server(noted(told.put_nowait)) as port,
        serve(webhook_hosts=("127.0.0.1",), webhook_secret=SECRET, tracer=collected.tracer) as jobs,
    ):
        jobs.http.headers.update(TOLD)
        job_id = await jobs.created(webhook_url=f"http://127.0.0.1:{port}/", name="My talk")
        head = (await told.get()).decode()
        while (await jobs.job(job_id))["webhook"]["status"] != "delivered":
            pass
        del jobs.http.headers["traceparent"]
        await jobs.ended(await jobs.created())
    hook = collected.named("webhook")
    assert hook.context is not None
    assert f"traceparent: 00-{TRACE_ID}-{hook.context.span_id:016x}-01\r\n" in head
    done = [span for span in collected.spans if span.name == "job"]
    assert [trace_of(span) == TRACE_ID for span in done] == [True, False]
    assert (done[0].kind, (done[0].attributes or {})["auricle.job_id"]) == (
        SpanKind.CONSUMER,
        job_id,
    )
    posted = [span.context for span in collected.spans if span.name == "POST /v1/jobs"]
    assert done[0].parent is not None
    assert posted[0] is not None
    assert done[0].parent.span_id == posted[0].span_id
    collected.check("talk", "Hello", SECRET)
