"""MQTT (`outputs.mqtt`): connection, spool, outbox, commands."""
