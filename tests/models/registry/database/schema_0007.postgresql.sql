CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY
    (version_num));
CREATE TABLE history (id SERIAL NOT NULL, at TIMESTAMP WITH TIME ZONE NOT NULL, name VARCHAR NOT NULL, action VARCHAR
    NOT NULL, alias VARCHAR, from_version INTEGER, to_version INTEGER NOT NULL, actor VARCHAR NOT NULL, why VARCHAR
    NOT NULL, PRIMARY KEY (id));
CREATE INDEX ix_history_name ON history (name);
CREATE TABLE registry_schema (only_row SERIAL NOT NULL CHECK (only_row = 1), version INTEGER NOT NULL, PRIMARY KEY
    (only_row));
CREATE TABLE versions (name VARCHAR NOT NULL, version INTEGER NOT NULL CHECK (version >= 1), domain VARCHAR NOT NULL,
    digest VARCHAR NOT NULL, created TIMESTAMP WITH TIME ZONE NOT NULL, created_by VARCHAR NOT NULL, metrics JSON NOT
    NULL, PRIMARY KEY (name, version));
CREATE TABLE aliases (name VARCHAR NOT NULL, alias VARCHAR NOT NULL, version INTEGER NOT NULL, PRIMARY KEY (name,
    alias), FOREIGN KEY(name, version) REFERENCES versions (name, version));
INSERT INTO registry_schema VALUES (1, 4);
CREATE TABLE policies (name VARCHAR NOT NULL, number INTEGER NOT NULL CHECK (number >= 1), domain VARCHAR NOT NULL,
    content JSON NOT NULL, created TIMESTAMP WITH TIME ZONE NOT NULL, created_by VARCHAR NOT NULL, why VARCHAR NOT
    NULL, model_version INTEGER NOT NULL, simulation JSON NOT NULL, PRIMARY KEY (name, number), FOREIGN KEY(name,
    model_version) REFERENCES versions (name, version));
CREATE TABLE active_policies (name VARCHAR NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (name), FOREIGN KEY(name,
    number) REFERENCES policies (name, number));
CREATE TABLE alerts (id BIGSERIAL NOT NULL, model VARCHAR NOT NULL, card VARCHAR, status VARCHAR NOT NULL, opened
    TIMESTAMP WITH TIME ZONE NOT NULL, closed TIMESTAMP WITH TIME ZONE, snoozed_until TIMESTAMP WITH TIME ZONE,
    follows BIGINT, n_events INTEGER NOT NULL, last_event BIGINT NOT NULL, expected_loss FLOAT NOT NULL, worst_event
    VARCHAR NOT NULL, worst_answer TEXT NOT NULL, PRIMARY KEY (id));
CREATE INDEX alerts_by_card ON alerts (model, card);
CREATE INDEX alerts_by_loss ON alerts (model, status, expected_loss);
CREATE UNIQUE INDEX alerts_one_open_for_a_card ON alerts (model, card) WHERE status = 'open';
CREATE TABLE event_labels (id BIGSERIAL NOT NULL, model VARCHAR NOT NULL, event_id VARCHAR NOT NULL, fraud BOOLEAN,
    known BIGINT NOT NULL, source VARCHAR NOT NULL, PRIMARY KEY (id));
CREATE INDEX event_labels_by_event ON event_labels (model, event_id);
CREATE TABLE event_rule_hits (model VARCHAR NOT NULL, rule VARCHAR NOT NULL, time BIGINT NOT NULL, event_id VARCHAR
    NOT NULL, PRIMARY KEY (model, rule, time, event_id));
CREATE INDEX event_rule_hits_by_time ON event_rule_hits (model, time);
CREATE TABLE event_series (id SERIAL NOT NULL, model VARCHAR NOT NULL, entity VARCHAR NOT NULL, amount VARCHAR, scale
    FLOAT NOT NULL, other VARCHAR, PRIMARY KEY (id));
CREATE TABLE event_streams (model VARCHAR NOT NULL, kept_from BIGINT NOT NULL, n_series INTEGER NOT NULL, PRIMARY KEY
    (model));
CREATE TABLE events (model VARCHAR NOT NULL, event_id VARCHAR NOT NULL, time BIGINT NOT NULL, row TEXT NOT NULL,
    answer TEXT, received TIMESTAMP WITH TIME ZONE NOT NULL, PRIMARY KEY (model, event_id));
CREATE INDEX events_by_time ON events (model, time);
CREATE TABLE alert_events (alert BIGINT NOT NULL, event_id VARCHAR NOT NULL, model VARCHAR NOT NULL, time BIGINT NOT
    NULL, PRIMARY KEY (alert, event_id), FOREIGN KEY(alert) REFERENCES alerts (id) ON DELETE CASCADE);
CREATE INDEX alert_events_by_time ON alert_events (model, time);
CREATE TABLE alert_verdicts (id BIGSERIAL NOT NULL, alert BIGINT NOT NULL, verdict VARCHAR NOT NULL, by VARCHAR NOT
    NULL, note VARCHAR NOT NULL, at TIMESTAMP WITH TIME ZONE NOT NULL, PRIMARY KEY (id), FOREIGN KEY(alert) REFERENCES
    alerts (id) ON DELETE CASCADE);
CREATE INDEX ix_alert_verdicts_alert ON alert_verdicts (alert);
CREATE TABLE event_entities (series INTEGER NOT NULL, value VARCHAR NOT NULL, time BIGINT NOT NULL, event_id VARCHAR
    NOT NULL, amount BIGINT, other VARCHAR, PRIMARY KEY (series, value, time, event_id), FOREIGN KEY(series)
    REFERENCES event_series (id));
CREATE TABLE audit_settings (model VARCHAR NOT NULL, level VARCHAR NOT NULL, sample FLOAT NOT NULL, keep_days FLOAT,
    keep_megabytes FLOAT, PRIMARY KEY (model));
CREATE TABLE predictions (id VARCHAR NOT NULL, version INTEGER NOT NULL, model VARCHAR NOT NULL, policy_version
    INTEGER NOT NULL, role VARCHAR NOT NULL, action VARCHAR NOT NULL, at BIGINT NOT NULL, latency INTEGER NOT NULL,
    key_id VARCHAR NOT NULL, reasons VARCHAR NOT NULL, n_rows INTEGER NOT NULL, request TEXT NOT NULL, features_digest
    VARCHAR NOT NULL, answer TEXT NOT NULL, n_bytes INTEGER NOT NULL, PRIMARY KEY (id, version));
CREATE INDEX predictions_by_time ON predictions (model, at, n_bytes);
CREATE TABLE keys (id VARCHAR NOT NULL, name VARCHAR NOT NULL, secret_hash VARCHAR NOT NULL, scopes VARCHAR NOT NULL,
    rate VARCHAR, expires TIMESTAMP WITH TIME ZONE, created TIMESTAMP WITH TIME ZONE NOT NULL, created_by VARCHAR NOT
    NULL, revoked TIMESTAMP WITH TIME ZONE, revoked_by VARCHAR, PRIMARY KEY (id), UNIQUE (name));
CREATE TABLE outcomes (id BIGSERIAL NOT NULL, model VARCHAR NOT NULL, prediction_id VARCHAR NOT NULL, outcome BOOLEAN,
    observed BIGINT NOT NULL, received BIGINT NOT NULL, key_id VARCHAR NOT NULL, PRIMARY KEY (id));
CREATE INDEX outcomes_by_prediction ON outcomes (model, prediction_id);
CREATE TABLE rollouts (name VARCHAR NOT NULL, version INTEGER NOT NULL, mode VARCHAR NOT NULL, share FLOAT NOT NULL,
    started TIMESTAMP WITH TIME ZONE NOT NULL, started_by VARCHAR NOT NULL, PRIMARY KEY (name), FOREIGN KEY(name,
    version) REFERENCES versions (name, version));
INSERT INTO alembic_version VALUES ('0007');
