"""What people read about a version, as the files of its bundle: the training report and the model card."""

from __future__ import annotations

from models.contract import Domain
from models.live import CARD, CARD_PAGE, REPORT
from models.model_card import model_card, render_card
from models.report import render_report
from models.report_data import ReportData


def version_documents(data: ReportData, domain: Domain) -> dict[str, bytes]:
    """The content of each file, by its name in the bundle."""
    card = model_card(data, domain)
    return {
        REPORT: render_report(data).encode(),
        CARD: card.model_dump_json(indent=1).encode(),
        CARD_PAGE: render_card(card).encode(),
    }
