"""TalkingData AdTracking Fraud Detection, 2018: the official sample of 100,000 clicks on ads for apps."""

from __future__ import annotations

from data.public_table import PublicTable
from data.splits import Split
from data.table import Column, Table

TABLE = Table(
    name="talkingdata",
    description="Clicks on mobile ads, 6 to 9 November 2017, and whether the app was installed afterwards.",
    columns=(
        Column(name="ip", kind="key", part="person", description="Number of the IP address of the click", example=5348),
        Column(name="app", kind="key", part="ad", description="Number of the app that the ad is for", example=3),
        Column(name="device", kind="key", part="person", description="Number of the type of phone", example=1),
        Column(
            name="os", kind="key", part="person", description="Number of the version of the phone's system", example=19
        ),
        Column(
            name="channel",
            kind="key",
            part="context",
            description="Number of the channel of the publisher that showed the ad",
            example=280,
        ),
        Column(
            name="click_time",
            kind="time",
            role="time",
            part="context",
            description="When the ad was clicked, UTC",
            example="2017-11-08T12:01:02",
        ),
        Column(
            name="attributed_time",
            kind="time",
            role="ignore",
            description="When the app was installed: filled only if it was, so it is the label itself, never an input",
            optional=True,
        ),
        Column(
            name="is_attributed",
            kind="flag",
            role="target",
            description="The app was installed after the click",
        ),
    ),
)

PUBLIC = PublicTable(
    table=TABLE,
    domain="ads",
    file="ads/talkingdata_100k.parquet",
    digest="70f95506531b0de3c09eb1b4fc225b31d850a2127a5b207d720092a8862ec197",
    split=Split(kind="time"),
    note=(
        "Only 227 of 100,000 clicks (0.227 %) led to an install, so a test AUC is right to about 0.03. The numbers of "
        "ip, app, device, os and channel are names, not amounts; most test rows hold an ip that training never saw. "
        "attributed_time is filled for installs alone and is not used."
    ),
)
