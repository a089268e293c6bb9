/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tests of the pure parsers: bytes and text in, facts out. They need no tree and no kernel. */
#include <check.h>

Suite *config_space_suite(void);
Suite *config_space_faults_suite(void);
Suite *vpd_suite(void);
Suite *resources_suite(void);
Suite *modules_alias_suite(void);
Suite *net_messages_suite(void);

int main(void)
{
	SRunner *runner = srunner_create(config_space_suite());
	int failed;

	srunner_add_suite(runner, config_space_faults_suite());
	srunner_add_suite(runner, vpd_suite());
	srunner_add_suite(runner, resources_suite());
	srunner_add_suite(runner, modules_alias_suite());
	srunner_add_suite(runner, net_messages_suite());
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
