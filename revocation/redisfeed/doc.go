package redisfeed
