#!/bin/sh
# Start mosquitto with the password of the secret file, hashed; it never stands on a command line.
set -eu
secret=${MQTT_SECRET:-/run/secrets/MQTT_PASSWORD}
config=${MOSQUITTO_CONFIG:-/mosquitto/config/mosquitto.conf}
passwords=$(sed -n 's/^password_file //p' "$config")
[ -s "$secret" ] || { echo "mosquitto: $secret is missing or empty; compose.yaml's first lines make it" >&2; exit 2; }
umask 077
printf 'msh:%s\n' "$(head -n 1 "$secret")" >"$passwords"
mosquitto_passwd -U "$passwords"
if [ "$(id -u)" -eq 0 ]; then chown mosquitto "$passwords"; fi
exec mosquitto -c "$config"
